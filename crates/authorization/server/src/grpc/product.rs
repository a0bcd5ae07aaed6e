//! Products.

use bailiwick_authorization_core::{
    product::Replacement,
    use_case::{
        apply_product::{self, Command},
        preview_product,
    },
};
use bailiwick_proto::authorization::v1::{self as pb, product_service_server::ProductService};
use bailiwick_rpc::{Context, Fields, Target, page as pages};
use bailiwick_types::{AllAccounts, Authorized, ProductName, Refused};
use tonic::{Request, Response, Status};

use super::{Api, convert, encoded, page_of, status};

fn replacements(told: Vec<pb::RoleReplacement>) -> Vec<Replacement> {
    told.into_iter()
        .map(|told| Replacement {
            role: told.role,
            by: Some(told.replaced_by).filter(|by| !by.is_empty()),
        })
        .collect()
}

fn all_accounts(by: &Authorized) -> Result<AllAccounts, Status> {
    by.all_accounts().ok_or_else(|| status(Refused::Denied))
}

#[tonic::async_trait]
impl ProductService for Api {
    async fn apply_product(
        &self,
        request: Request<pb::ApplyProductRequest>,
    ) -> Result<Response<pb::ApplyProductResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        self.fresh.wait(&context, None, &[]).await?;
        let by = self.guard.authorize_any(&context, Target::none()).await?;
        let command = Command {
            source: request.manifest,
            replacements: replacements(request.role_replacements),
            validate_only: request.validate_only,
        };
        let done = apply_product::execute(&self.ports, &by, command)
            .await
            .map_err(status)?;
        Ok(Response::new(pb::ApplyProductResponse {
            product: Some(convert::product(done.product, false)),
            changed: done.changed,
            differences: done.differences,
            token: encoded(&done.token),
        }))
    }

    async fn preview_product(
        &self,
        request: Request<pb::PreviewProductRequest>,
    ) -> Result<Response<pb::PreviewProductResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let mut fields = Fields::new();
        let size = fields.page_size(request.page_size);
        let size = fields.finish(size)?.get();
        let replaced: Vec<String> = request
            .role_replacements
            .iter()
            .map(|told| format!("{}={}", told.role, told.replaced_by))
            .collect();
        let replaced = replaced.join(" ");
        let list = ["PreviewProduct", request.manifest.as_str(), replaced.as_str()];
        let after: Option<preview_product::After> =
            pages::decode(&list, &request.page_token).map_err(status)?;
        self.fresh.wait(&context, None, &[]).await?;
        let by = self.guard.authorize_any(&context, Target::none()).await?;
        let command = preview_product::Command {
            source: request.manifest.clone(),
            replacements: replacements(request.role_replacements),
            after,
            size: usize::try_from(size).unwrap_or(usize::MAX),
        };
        let page = preview_product::execute(&self.ports, &by, command)
            .await
            .map_err(status)?;
        let next = page.next.map(|next| pages::encode(&list, &next));
        Ok(Response::new(pb::PreviewProductResponse {
            version: page.version,
            differences: page.differences,
            changes: self.told(&by, page.effects).await?,
            next_page_token: next.unwrap_or_default(),
        }))
    }

    async fn get_product(
        &self,
        request: Request<pb::GetProductRequest>,
    ) -> Result<Response<pb::GetProductResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let mut fields = Fields::new();
        let name: Option<ProductName> = fields.take("product", request.get_ref().product.parse());
        let name = fields.finish(name)?;
        self.fresh.wait(&context, None, &[]).await?;
        let by = self.guard.authorize_any(&context, Target::none()).await?;
        let read = self
            .ports
            .store
            .read_all(all_accounts(&by)?)
            .await
            .map_err(status)?;
        let found = read
            .product(&name)
            .await
            .map_err(status)?
            .ok_or_else(|| status(Refused::NotFound("product")))?;
        Ok(Response::new(pb::GetProductResponse {
            product: Some(convert::product(found, true)),
        }))
    }

    async fn list_products(
        &self,
        request: Request<pb::ListProductsRequest>,
    ) -> Result<Response<pb::ListProductsResponse>, Status> {
        let context = Context::of(&request)?.clone();
        let request = request.into_inner();
        let mut fields = Fields::new();
        let size = fields.page_size(request.page_size);
        let size = fields.finish(size)?.get();
        let list = ["ListProducts"];
        let after: Option<String> = pages::decode(&list, &request.page_token).map_err(status)?;
        self.fresh.wait(&context, None, &[]).await?;
        let by = self.guard.authorize_any(&context, Target::none()).await?;
        let read = self
            .ports
            .store
            .read_all(all_accounts(&by)?)
            .await
            .map_err(status)?;
        let rows = read.products(after.as_deref(), size + 1).await.map_err(status)?;
        let (rows, next) = page_of(&list, rows, size, |last| last.name.to_string());
        Ok(Response::new(pb::ListProductsResponse {
            products: rows.into_iter().map(|row| convert::product(row, false)).collect(),
            next_page_token: next,
        }))
    }
}
